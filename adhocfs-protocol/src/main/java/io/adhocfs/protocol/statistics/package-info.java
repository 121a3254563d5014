/**
 * What is told of the operations of jobs: kinds that users think in, and figures of each.
 *
 * <p>It must never count or know which requests an operation is made of: that is the daemons' work.
 */
@NullMarked
package io.adhocfs.protocol.statistics;

import org.jspecify.annotations.NullMarked;
