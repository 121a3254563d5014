/**
 * Instances for tests: real daemons and mounts, brought up by the command line as a user would, and
 * taken down whatever happens.
 *
 * <p>Must never reach into a process: everything goes through commands, signals and the mount.
 */
@NullMarked
package io.adhocfs.it.instance;

import org.jspecify.annotations.NullMarked;
