/**
 * A cluster in one thread and virtual time: daemons that keep the wire's promises in the simplest
 * way, and connections that can be told to break them. Stricter than the real thing: a resend that
 * differs, a payload that is not released, a wait that has no end fail the test.
 *
 * <p>Must never take time or chance from anywhere but its seed.
 */
@NullMarked
package io.adhocfs.client.simulation;

import org.jspecify.annotations.NullMarked;
