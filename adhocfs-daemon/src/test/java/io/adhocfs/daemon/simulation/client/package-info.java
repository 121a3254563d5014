/**
 * What a client does when its connections fail, its session ends, slots move and disks are full,
 * against real daemons in simulated time. A request meets the fate that the test gives it.
 *
 * <p>Must never imitate a daemon.
 */
@NullMarked
package io.adhocfs.daemon.simulation.client;

import org.jspecify.annotations.NullMarked;
