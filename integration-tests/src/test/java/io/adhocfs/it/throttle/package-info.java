/** Limits on real instances. */
@NullMarked
package io.adhocfs.it.throttle;

import org.jspecify.annotations.NullMarked;
