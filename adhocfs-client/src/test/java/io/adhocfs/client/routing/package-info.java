/** Tests of single parts of the routing. */
@NullMarked
package io.adhocfs.client.routing;

import org.jspecify.annotations.NullMarked;
