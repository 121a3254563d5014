/**
 * Who owns what: pure functions from an inode, a name or a byte range to slots, and from a slot to
 * a node through the cluster map.
 *
 * <p>Must never depend on anything but its arguments: two processes that disagree here lose data.
 */
@NullMarked
package io.adhocfs.protocol.placement;

import org.jspecify.annotations.NullMarked;
