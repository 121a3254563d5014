package io.adhocfs.protocol.fuzz;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import java.util.Set;

/**
 * An encoder and a decoder of the same values. What the decoder takes is encoded again: that has to
 * be the input where the value has one form only, and else bytes that stay the same from then on.
 *
 * @param name for people
 * @param sample draws a value
 * @param refusals the errors by which the decoder refuses an input
 * @param exact whether a value has one form only
 * @param allocatedBytesMax what decoding may allocate beside 64 bytes for each byte of the input
 */
public record Format<T>(
    String name,
    Sample<T> sample,
    Encoder<T> encoder,
    Decoder<T> decoder,
    Set<FsError> refusals,
    boolean exact,
    long allocatedBytesMax) {
  /** A format whose values are not much larger than their bytes. */
  public Format(
      String name,
      Sample<T> sample,
      Encoder<T> encoder,
      Decoder<T> decoder,
      Set<FsError> refusals,
      boolean exact) {
    this(name, sample, encoder, decoder, refusals, exact, Fuzz.ALLOCATED_BYTES);
  }

  /** Draws a value. */
  @FunctionalInterface
  public interface Sample<T> {
    T draw(Random random) throws Exception;
  }

  /** The bytes of a value. */
  @FunctionalInterface
  public interface Encoder<T> {
    byte[] encode(T value) throws Exception;
  }

  /** The value of bytes. */
  @FunctionalInterface
  public interface Decoder<T> {
    T decode(byte[] bytes) throws Exception;
  }

  /** A mutated sample, to be decoded and encoded. */
  public Fuzz.Case draw(Random random) throws Exception {
    byte[] bytes = encoder.encode(sample.draw(random));
    return new Fuzz.Case(name, Mutation.of(bytes, random), this::check, allocatedBytesMax);
  }

  private void check(byte[] input) throws Exception {
    byte[] before = input.clone();
    T value;
    try {
      value = decoder.decode(input);
    } catch (FsException e) {
      if (!refusals.contains(e.error())) {
        throw new AssertionError("refused with " + e.error() + ", not one of " + refusals, e);
      }
      return;
    }
    byte[] encoded = encoder.encode(value);
    byte[] again = exact ? before : encoder.encode(decoder.decode(encoded.clone()));
    if (!Arrays.equals(again, encoded)) {
      throw new AssertionError(
          value
              + " is encoded as "
              + HexFormat.of().formatHex(encoded)
              + " and "
              + HexFormat.of().formatHex(again));
    }
  }
}
