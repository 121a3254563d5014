/**
 * The bytes of chunks on this node: one sparse file for each file and segment, and the index that
 * says which chunks exist.
 *
 * <p>Must never know names, sizes of files, or who owns a slot: it stores what it is given and is
 * told which slots count.
 */
@NullMarked
package io.adhocfs.daemon.chunk;

import org.jspecify.annotations.NullMarked;
