/** What of the switches of a mount can be tested without an instance. */
@NullMarked
package io.adhocfs.fuse.switches;

import org.jspecify.annotations.NullMarked;
