/**
 * The clients this daemon knows: their leases, their pins on inodes, and the replies that make
 * their operations run once.
 *
 * <p>Must never know what an operation does.
 */
@NullMarked
package io.adhocfs.daemon.session;

import org.jspecify.annotations.NullMarked;
