/**
 * File bytes: which pieces lie where, one message per node for many of them, what to do when a
 * piece has moved or the file was cut.
 *
 * <p>Must never answer fewer or other bytes than the file has, and never copy bytes that can be
 * passed on.
 */
@NullMarked
package io.adhocfs.client.data;

import org.jspecify.annotations.NullMarked;
