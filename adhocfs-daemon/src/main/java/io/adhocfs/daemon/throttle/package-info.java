/**
 * Holds traffic back where there are limits: a daemon takes tokens for what it is about to do, and
 * the tokens of each limit come from one daemon of the instance, so that a limit holds for all of
 * them together.
 *
 * <p>It must never hold a thread, a lock that others need, or a payload while something waits.
 */
@NullMarked
package io.adhocfs.daemon.throttle;

import org.jspecify.annotations.NullMarked;
