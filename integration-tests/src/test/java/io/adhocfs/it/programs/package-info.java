/**
 * Ordinary programs on a mount, unchanged, with their own checks of what they wrote.
 *
 * <p>Must never replace a program by an imitation of it.
 */
@NullMarked
package io.adhocfs.it.programs;

import org.jspecify.annotations.NullMarked;
