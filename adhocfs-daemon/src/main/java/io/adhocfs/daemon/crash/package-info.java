/**
 * Moments of the daemon's work at which tests let it die or stand still: to be found by name, from
 * outside.
 *
 * <p>Must never do anything in a daemon that was not told to.
 */
@NullMarked
package io.adhocfs.daemon.crash;

import org.jspecify.annotations.NullMarked;
