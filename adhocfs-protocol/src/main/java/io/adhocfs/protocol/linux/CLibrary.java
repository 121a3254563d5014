package io.adhocfs.protocol.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * How functions of the C library are called. A failure comes back as the negative errno (the
 * kernel's own convention), so that no caller reads errno after something else has overwritten it.
 * Thread-safe.
 */
@SuppressWarnings("restricted") // Calling C is what this class is for; every launcher allows it.
public final class CLibrary {
  public static final int EINTR = 4;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final SymbolLookup FUNCTIONS = LINKER.defaultLookup();
  private static final Linker.Option CAPTURE_ERRNO = Linker.Option.captureCallState("errno");
  private static final MemoryLayout CAPTURE_LAYOUT = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO =
      CAPTURE_LAYOUT.varHandle(MemoryLayout.PathElement.groupElement("errno"));

  /**
   * One segment for errno per thread: allocating one per call would cost more than the call. The
   * memory is freed with the thread.
   */
  private static final ThreadLocal<MemorySegment> CAPTURED =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(CAPTURE_LAYOUT));

  /** A call of a function whose failure is -1 with errno; C's int or long. */
  @FunctionalInterface
  public interface Call {
    /** Passes the memory for errno on as the first argument of the handle. */
    long make(MemorySegment errno) throws Throwable;
  }

  private CLibrary() {}

  /** The handle of a function; it takes the memory for errno before its other arguments. */
  public static MethodHandle handle(String name, FunctionDescriptor descriptor) {
    return LINKER.downcallHandle(FUNCTIONS.findOrThrow(name), descriptor, CAPTURE_ERRNO);
  }

  /** The handle of a function with variable arguments, such as open, by how many are fixed. */
  public static MethodHandle variadic(
      String name, int fixedArguments, FunctionDescriptor descriptor) {
    return LINKER.downcallHandle(
        FUNCTIONS.findOrThrow(name),
        descriptor,
        CAPTURE_ERRNO,
        Linker.Option.firstVariadicArg(fixedArguments));
  }

  /** The memory for errno of this thread. */
  public static MemorySegment captured() {
    return CAPTURED.get();
  }

  /** What the function returned, or the negative errno if it returned a negative value. */
  public static long result(long returned, MemorySegment captured) {
    return returned >= 0 ? returned : -(int) ERRNO.get(captured, 0L);
  }

  /** What the function returned, or the negative errno if it returned a negative value. */
  public static int result(int returned, MemorySegment captured) {
    return returned >= 0 ? returned : -(int) ERRNO.get(captured, 0L);
  }

  /** Makes a call; returns what the function returns, or the negative errno. */
  public static long once(Call call) {
    MemorySegment captured = CAPTURED.get();
    try {
      return result(call.make(captured), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  /** Makes a call, again each time that a signal interrupts it. */
  public static long repeat(Call call) {
    long returned;
    do {
      returned = once(call);
    } while (returned == -EINTR);
    return returned;
  }
}
