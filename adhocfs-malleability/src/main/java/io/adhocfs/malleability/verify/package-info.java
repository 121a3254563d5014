/**
 * Compares what all daemons store, reports what does not fit, and repairs it on request, while
 * programs use the file system.
 *
 * <p>{@link io.adhocfs.malleability.verify.Verification} is the way in. A verification must never
 * change anything, and never report an item as wrong that was merely changing meanwhile.
 */
@NullMarked
package io.adhocfs.malleability.verify;

import org.jspecify.annotations.NullMarked;
