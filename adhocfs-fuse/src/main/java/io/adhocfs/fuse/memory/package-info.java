/**
 * A file system in memory: the reference that benchmarks and tests compare with, and what shows the
 * drivers at their own speed.
 *
 * <p>It must never be what an instance stores anything in: it knows no other node and keeps
 * nothing.
 */
@NullMarked
package io.adhocfs.fuse.memory;

import org.jspecify.annotations.NullMarked;
