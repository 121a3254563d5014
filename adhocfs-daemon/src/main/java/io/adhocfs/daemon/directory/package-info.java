/**
 * The tree of directories where it lies over several nodes: the changes that an operation on names
 * consists of, spreading a directory that has become big, adding up the shares of a spread one, and
 * the walk that keeps a directory from being moved below itself.
 *
 * <p>Must never write a change of an entry itself, which the transactions do, nor know of the data
 * of files.
 */
@NullMarked
package io.adhocfs.daemon.directory;

import org.jspecify.annotations.NullMarked;
