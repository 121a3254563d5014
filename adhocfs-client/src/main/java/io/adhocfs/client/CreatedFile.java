package io.adhocfs.client;

/**
 * The answer to an atomic create and open.
 *
 * @param existed whether the name was there already; the file is then that one, as it is
 */
public record CreatedFile(OpenFile file, boolean existed) {}
