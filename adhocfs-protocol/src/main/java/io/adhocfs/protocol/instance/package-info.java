/**
 * What an instance is to the processes that belong to it: its id, its secret, its settings, and the
 * file that says where its nodes are.
 *
 * <p>Must never open a connection or start a process.
 */
@NullMarked
package io.adhocfs.protocol.instance;

import org.jspecify.annotations.NullMarked;
