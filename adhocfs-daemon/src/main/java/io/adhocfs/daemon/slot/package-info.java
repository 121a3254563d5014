/**
 * What is stored of slots: the seam below everything that keeps records. Every record lies under
 * its slot, so that a slot is one contiguous range.
 *
 * <p>Must never know what a record means, which the packages that own a kind of record do, nor how
 * records reach a disk.
 */
@NullMarked
package io.adhocfs.daemon.slot;

import org.jspecify.annotations.NullMarked;
