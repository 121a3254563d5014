/**
 * Talks to the daemons of an instance as one who looks after it: one question to one node, with a
 * deadline, or the same to all at once.
 *
 * <p>It must never touch files or names: that is the client library's work.
 */
@NullMarked
package io.adhocfs.client.admin;

import org.jspecify.annotations.NullMarked;
