/**
 * Switches through a mount: the extended attributes {@code user.adhocfs.KEY} of directories, turned
 * into changes of the agreed state.
 *
 * <p>It must never keep a switch of its own: the mount shows what the daemons have agreed on.
 */
@NullMarked
package io.adhocfs.fuse.switches;

import org.jspecify.annotations.NullMarked;
