/**
 * What this daemon knows of the others: the current cluster map, kept in a file, and calls to them.
 *
 * <p>Must never know what a request means.
 */
@NullMarked
package io.adhocfs.daemon.cluster;

import org.jspecify.annotations.NullMarked;
