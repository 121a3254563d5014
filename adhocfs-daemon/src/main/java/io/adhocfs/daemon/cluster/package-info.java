/**
 * What this daemon knows of the instance: the current cluster map, kept in a file, the switches
 * that were agreed on, and calls to the other daemons.
 *
 * <p>Must never know what a request means.
 */
@NullMarked
package io.adhocfs.daemon.cluster;

import org.jspecify.annotations.NullMarked;
