/** Tests of the engine of copies, between two directories of this host. */
@NullMarked
package io.adhocfs.client.transfer;

import org.jspecify.annotations.NullMarked;
