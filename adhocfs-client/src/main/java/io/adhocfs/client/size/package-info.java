/**
 * What this client knows of the files it has open: size and generation as the owner said last, and
 * what the owner has not been told yet.
 *
 * <p>Must never let a write be acknowledged beyond a size that the owner has confirmed.
 */
@NullMarked
package io.adhocfs.client.size;

import org.jspecify.annotations.NullMarked;
