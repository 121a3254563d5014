/** Switches of real instances, in all their positions. */
@NullMarked
package io.adhocfs.it.switches;

import org.jspecify.annotations.NullMarked;
