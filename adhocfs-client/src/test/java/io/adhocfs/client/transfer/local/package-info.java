/** Tests of the access to this host's files, on its own file system. */
@NullMarked
package io.adhocfs.client.transfer.local;

import org.jspecify.annotations.NullMarked;
