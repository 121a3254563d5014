/** What of the direct driver can be tested without a mount. */
@NullMarked
package io.adhocfs.fuse.kernel;

import org.jspecify.annotations.NullMarked;
