package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.wire.Checksum;
import io.adhocfs.protocol.wire.Frame;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.DefaultMaxMessagesRecvByteBufAllocator;
import org.jspecify.annotations.Nullable;

/**
 * Cuts what a socket brings into frames. Headers and bodies are gathered in one buffer of the
 * connection, many frames to a read; while a payload is awaited, the socket is read straight into
 * that payload's own buffer, which is handed on as it is.
 *
 * <p>All state belongs to the channel's event loop, as do all calls.
 */
abstract class FrameReceiver extends ChannelInboundHandlerAdapter {
  /** What is to become of the frame whose body has arrived. */
  enum Admission {
    /** Take its payload. */
    TAKE,
    /** Read over its payload. */
    SKIP,
    /** Not now: stop reading until {@link #resumeReading}. */
    WAIT
  }

  private enum State {
    HEADER,
    BODY,
    ADMISSION,
    PAYLOAD,
    SKIPPING,
    /** Nothing that still comes is looked at. */
    STOPPED
  }

  /** Reads into the receiver's own buffers instead of making one for each read. */
  private final class ReadTargets extends DefaultMaxMessagesRecvByteBufAllocator {
    private ReadTargets(int readsMax) {
      super(readsMax);
    }

    @Override
    @SuppressWarnings("deprecation") // The interface that Netty's channels still use.
    public Handle newHandle() {
      return new MaxMessageHandle() {
        @Override
        public ByteBuf allocate(ByteBufAllocator allocator) {
          return readTarget();
        }

        @Override
        public int guess() {
          return gatherBytes;
        }
      };
    }
  }

  protected final Channel channel;
  protected final Checksum checksum = new Checksum();
  private final ByteBufAllocator allocator;
  private final ReadTargets readTargets;

  /** How much one read takes of headers and bodies. */
  private int gatherBytes;

  private State state = State.HEADER;
  private @Nullable ByteBuf gathered;
  private Frame.@Nullable Header header;
  private @Nullable ByteBuf payload;
  private int leftToSkip;
  private boolean paused;
  private boolean processing;
  private boolean readingBatch;
  private long readsDone;

  FrameReceiver(Channel channel, int gatherBytes) {
    this.channel = channel;
    this.allocator = channel.alloc();
    this.gatherBytes = gatherBytes;
    this.readTargets = new ReadTargets(1);
    channel.config().setRecvByteBufAllocator(readTargets);
  }

  /** Whether the next frame may be begun; if not, {@link #resumeReading} must be called later. */
  abstract boolean mayStartFrame();

  /** Looks at a sound header before its body is awaited. An exception gives the connection up. */
  abstract void checkHeader(Frame.Header header) throws FsException;

  /**
   * Takes the body off, all readable bytes of the buffer, which stays the receiver's.
   *
   * @param intact whether the body has the checksum that the header says
   */
  abstract void onBody(Frame.Header header, ByteBuf body, boolean intact);

  /** Decides on the frame of the last {@link #onBody}; asked again after WAIT. */
  abstract Admission admission(Frame.Header header);

  /**
   * The frame is complete.
   *
   * @param payload the callee's to release; empty where there is none
   * @param intact whether the payload has the checksum that the header says
   */
  abstract void onFrame(Frame.Header header, ByteBuf payload, boolean intact);

  /** The frame was read over. */
  abstract void onSkipped(Frame.Header header);

  /** The stream makes no sense from here on: nothing more is read. */
  abstract void onMalformed(FsException reason);

  /** A batch of reads is over. */
  abstract void onReadComplete();

  /**
   * Sets how the socket is read.
   *
   * @param gatherBytes how much one read takes of headers and bodies: much where frames are small
   *     and many, little where payloads should not be caught by it
   * @param readsMax reads between two flushes of answers
   */
  final void tune(int gatherBytes, int readsMax) {
    this.gatherBytes = gatherBytes;
    readTargets.maxMessagesPerRead(readsMax);
  }

  /** Whether the current call comes from within a batch of reads, with its end still to come. */
  final boolean isReadingBatch() {
    return readingBatch;
  }

  /** How often something has come, to see whether anything moves. */
  final long readsDone() {
    return readsDone;
  }

  /** Whether a frame has begun that has not ended, and the peer is to send the rest. */
  final boolean awaitsRestOfFrame() {
    return switch (state) {
      case BODY, PAYLOAD, SKIPPING -> !paused;
      case HEADER -> !paused && gathered != null && gathered.isReadable();
      case ADMISSION, STOPPED -> false;
    };
  }

  /** Tries again what was not allowed before. */
  final void resumeReading() {
    if (!paused || processing) {
      return;
    }
    paused = false;
    process();
    if (!paused && state != State.STOPPED) {
      channel.config().setAutoRead(true);
    }
  }

  /** Looks at nothing more, and drops what has not been handed on. */
  final void stopReading() {
    state = State.STOPPED;
    channel.config().setAutoRead(false);
    if (payload != null) {
      payload.release();
      payload = null;
    }
    if (!processing && gathered != null) {
      gathered.release();
      gathered = null;
    }
  }

  private void pause() {
    paused = true;
    channel.config().setAutoRead(false);
  }

  /** The buffer that the next bytes go into, with a reference for the reader. */
  private ByteBuf readTarget() {
    if (state == State.PAYLOAD && payload != null) {
      return payload.retain();
    }
    if (state == State.STOPPED) {
      return allocator.directBuffer(Frame.HEADER_BYTES);
    }
    int needed = state == State.BODY && header != null ? header.bodyBytes() : Frame.HEADER_BYTES;
    ByteBuf buffer = gathered;
    if (buffer == null) {
      buffer = allocator.directBuffer(Math.max(gatherBytes, needed));
      gathered = buffer;
    } else if (!buffer.isReadable()) {
      if (buffer.capacity() != gatherBytes && needed <= gatherBytes) {
        buffer.release();
        buffer = allocator.directBuffer(gatherBytes);
        gathered = buffer;
      } else if (buffer.capacity() < needed) {
        buffer.release();
        buffer = allocator.directBuffer(needed);
        gathered = buffer;
      } else {
        buffer.clear();
      }
    } else if (buffer.capacity() < needed) {
      ByteBuf larger = allocator.directBuffer(needed);
      larger.writeBytes(buffer);
      buffer.release();
      buffer = larger;
      gathered = buffer;
    } else if (buffer.readerIndex() > 0
        && (buffer.writableBytes() < buffer.capacity() / 2
            || buffer.capacity() - buffer.readerIndex() < needed)) {
      buffer.discardReadBytes();
    }
    return buffer.retain();
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    var target = (ByteBuf) message;
    // The bytes are in one of our own buffers already: only the reader's reference goes.
    target.release();
    readingBatch = true;
    readsDone++;
    if (!paused) {
      process();
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    readingBatch = false;
    onReadComplete();
  }

  private void process() {
    if (processing) {
      return;
    }
    processing = true;
    try {
      while (!paused && step()) {
        // Each step takes one piece of a frame.
      }
    } finally {
      processing = false;
      if (state == State.STOPPED && gathered != null) {
        gathered.release();
        gathered = null;
      }
    }
  }

  /** Takes one piece of a frame; false when its bytes have not all come. */
  private boolean step() {
    return switch (state) {
      case HEADER -> takeHeader();
      case BODY -> takeBody(current());
      case ADMISSION -> admit(current());
      case PAYLOAD -> takePayload(current());
      case SKIPPING -> skip(current());
      case STOPPED -> false;
    };
  }

  private Frame.Header current() {
    if (header == null) {
      throw new IllegalStateException("no header in state " + state);
    }
    return header;
  }

  private boolean takeHeader() {
    ByteBuf buffer = gathered;
    if (buffer == null || buffer.readableBytes() < Frame.HEADER_BYTES) {
      return false;
    }
    if (!mayStartFrame()) {
      pause();
      return false;
    }
    try {
      Frame.Header next = Frame.header(buffer, buffer.readerIndex(), checksum);
      checkHeader(next);
      header = next;
    } catch (FsException e) {
      stopReading();
      onMalformed(e);
      return false;
    }
    buffer.skipBytes(Frame.HEADER_BYTES);
    state = State.BODY;
    return true;
  }

  private boolean takeBody(Frame.Header current) {
    ByteBuf buffer = gathered;
    int length = current.bodyBytes();
    if (buffer == null || buffer.readableBytes() < length) {
      return false;
    }
    int start = buffer.readerIndex();
    int end = buffer.writerIndex();
    boolean intact = checksum.ofOwn(buffer, start, length) == current.bodyChecksum();
    state = State.ADMISSION;
    // Narrowing the buffer itself saves a slice for each frame.
    buffer.writerIndex(start + length);
    try {
      onBody(current, buffer, intact);
    } finally {
      buffer.setIndex(start + length, end);
    }
    return true;
  }

  private boolean admit(Frame.Header current) {
    Admission admission = admission(current);
    if (state == State.STOPPED) {
      return false;
    }
    switch (admission) {
      case WAIT -> {
        pause();
        return false;
      }
      case SKIP -> {
        leftToSkip = current.payloadBytes();
        state = State.SKIPPING;
      }
      case TAKE -> {
        int length = current.payloadBytes();
        if (length > 0) {
          ByteBuf target = allocator.directBuffer(length, length);
          ByteBuf buffer = gathered;
          if (buffer != null && buffer.isReadable()) {
            target.writeBytes(buffer, Math.min(length, buffer.readableBytes()));
          }
          payload = target;
        }
        state = State.PAYLOAD;
      }
    }
    return true;
  }

  private boolean takePayload(Frame.Header current) {
    ByteBuf complete = payload;
    if (complete == null) {
      state = State.HEADER;
      onFrame(current, Unpooled.EMPTY_BUFFER, true);
      return true;
    }
    if (complete.isWritable()) {
      return false;
    }
    boolean intact =
        checksum.ofOwn(complete, 0, complete.readableBytes()) == current.payloadChecksum();
    payload = null;
    state = State.HEADER;
    onFrame(current, complete, intact);
    return true;
  }

  private boolean skip(Frame.Header current) {
    if (gathered != null) {
      int take = Math.min(leftToSkip, gathered.readableBytes());
      gathered.skipBytes(take);
      leftToSkip -= take;
    }
    if (leftToSkip > 0) {
      return false;
    }
    state = State.HEADER;
    onSkipped(current);
    return true;
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext context) {
    stopReading();
  }
}
