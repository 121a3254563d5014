package io.adhocfs.daemon.metadata;

/**
 * Up to where a file's room has been given to appends that are not all part of its size yet.
 *
 * @param endByte exclusive
 * @param sinceGeneration the data generation when the first of that room was given: what was given
 *     under an older one has been cut away
 */
public record AppendEnd(long endByte, long sinceGeneration) {}
