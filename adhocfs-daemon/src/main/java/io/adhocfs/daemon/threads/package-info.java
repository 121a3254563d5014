/**
 * The threads and the clock of a daemon: the system's, or those of a simulation in which one thing
 * happens at a time.
 *
 * <p>Must never know what runs on a thread.
 */
@NullMarked
package io.adhocfs.daemon.threads;

import org.jspecify.annotations.NullMarked;
