/**
 * Names and inodes: asks the owner of an entry or an inode, finds out how a directory is spread,
 * keeps open files alive.
 *
 * <p>Must never know a path, and never keep an answer beyond the call, except how directories are
 * spread, which every owner checks.
 */
@NullMarked
package io.adhocfs.client.namespace;

import org.jspecify.annotations.NullMarked;
