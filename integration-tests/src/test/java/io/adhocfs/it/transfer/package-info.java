/**
 * Staging into, within and out of a running instance of several daemons, compared to the byte.
 *
 * <p>It must never compare by text names: trees are described by bytes.
 */
@NullMarked
package io.adhocfs.it.transfer;

import org.jspecify.annotations.NullMarked;
