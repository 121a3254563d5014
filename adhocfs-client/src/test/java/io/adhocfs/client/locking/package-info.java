/** Tests of single parts of the locking. */
@NullMarked
package io.adhocfs.client.locking;

import org.jspecify.annotations.NullMarked;
