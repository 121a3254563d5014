/**
 * What a daemon answers: checks that a request is for this node, finds out whose it is, and does
 * it. One service per family of messages.
 *
 * <p>Must never touch a record or a chunk file except through the packages that own them.
 */
@NullMarked
package io.adhocfs.daemon.service;

import org.jspecify.annotations.NullMarked;
