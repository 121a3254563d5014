/**
 * A whole instance in one thread and simulated time: real clients over real daemons, whose network,
 * disks, clocks and threads are simulated, and fail. Everything follows from one seed.
 *
 * <p>Must never take time or chance from anywhere but its seed.
 */
@NullMarked
package io.adhocfs.daemon.simulation;

import org.jspecify.annotations.NullMarked;
