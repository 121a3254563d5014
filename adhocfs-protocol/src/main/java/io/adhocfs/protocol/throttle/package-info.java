/**
 * What limits of traffic are made of: what is counted, whose it is, and how much of it there may
 * be.
 *
 * <p>It must never count, wait or know who is connected: that is the daemons' work.
 */
@NullMarked
package io.adhocfs.protocol.throttle;

import org.jspecify.annotations.NullMarked;
