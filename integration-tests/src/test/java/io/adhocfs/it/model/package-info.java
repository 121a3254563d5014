/**
 * The client and the mount's adapter on a cluster of real daemons in one process, over real
 * sockets, against models of what a file system does.
 *
 * <p>Must never start a process, and never take chance from anywhere but a printed seed.
 */
@NullMarked
package io.adhocfs.it.model;

import org.jspecify.annotations.NullMarked;
