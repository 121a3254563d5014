/**
 * The process that keeps a node's part of the file system: builds, starts and stops its parts in
 * order, alone or inside another process.
 *
 * <p>It must never decide anything that belongs to one of its parts, and never know who mounts the
 * file system.
 */
@NullMarked
package io.adhocfs.daemon;

import org.jspecify.annotations.NullMarked;
