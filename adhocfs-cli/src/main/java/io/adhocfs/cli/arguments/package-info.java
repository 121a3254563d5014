/**
 * What the user typed, byte for byte, and what the user sees: paths that no locale spoils.
 *
 * <p>It must never open a file that an argument names, nor know what a command does with it.
 */
@NullMarked
package io.adhocfs.cli.arguments;

import org.jspecify.annotations.NullMarked;
