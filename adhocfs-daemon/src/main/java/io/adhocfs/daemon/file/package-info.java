/**
 * What is done to the data of one file over several nodes: cuts, appends, leaving inline form, and
 * giving chunks back; and the pins that keep the data while it is open. Each that takes time stands
 * in a record at the inode's owner, so that a restart or a new owner goes on with it.
 *
 * <p>Must never know the name of a file, nor touch a chunk but by asking its owner.
 */
@NullMarked
package io.adhocfs.daemon.file;

import org.jspecify.annotations.NullMarked;
