/**
 * Brings a request to the node that owns its slot, whatever map, addresses and connections do
 * meanwhile, until its deadline.
 *
 * <p>Must never know what a request means, and never block a thread: waiting is a completion.
 */
@NullMarked
package io.adhocfs.client.routing;

import org.jspecify.annotations.NullMarked;
