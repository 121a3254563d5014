/**
 * What a daemon answers: checks that a request is for this node, finds out whose it is, and has the
 * service of its family of messages do it. What one batch at this node does is done here, what
 * takes several nodes or threads in the packages below.
 *
 * <p>Must never touch a record or a chunk file except through the packages that own them.
 */
@NullMarked
package io.adhocfs.daemon.service;

import org.jspecify.annotations.NullMarked;
