/**
 * The nouns that every process of an instance shares: identifiers, attributes, errors.
 *
 * <p>Must never do I/O, know a message or a channel, or hold state: everything here is an immutable
 * value that is checked when it is made. {@link NewInode} and {@link AttributeChange} alone are
 * checked by whoever carries them out, since a bad request has to be answered.
 */
@NullMarked
package io.adhocfs.protocol.model;

import org.jspecify.annotations.NullMarked;
