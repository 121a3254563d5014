/**
 * The nouns that every process of an instance shares: identifiers, attributes, errors.
 *
 * <p>Must never do I/O, know a message or a channel, or hold state: everything here is an immutable
 * value that is checked when it is made.
 */
@NullMarked
package io.adhocfs.protocol.model;

import org.jspecify.annotations.NullMarked;
