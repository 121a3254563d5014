package io.adhocfs.daemon.storage;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/** A small file at a path: a draft beside it is written, synced and renamed. */
final class LocalFile implements SmallFile {
  private final Path path;

  LocalFile(Path path) {
    this.path = path;
  }

  @Override
  public byte @Nullable [] read() throws FsException {
    if (!Files.exists(path)) {
      return null;
    }
    try {
      if (Files.size(path) > BYTES_MAX) {
        throw new FsException(FsError.CORRUPT, path + " has " + Files.size(path) + " bytes");
      }
      return Files.readAllBytes(path);
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw failed(e);
    }
  }

  @Override
  public void replace(byte[] content) throws FsException {
    Path draft = path.resolveSibling(path.getFileName() + ".new");
    try {
      try (FileChannel file =
          FileChannel.open(
              draft,
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        ByteBuffer bytes = ByteBuffer.wrap(content);
        while (bytes.hasRemaining()) {
          file.write(bytes);
        }
        file.force(true);
      }
      Files.move(draft, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      Path directory = path.toAbsolutePath().getParent();
      if (directory != null) {
        try (FileChannel opened = FileChannel.open(directory, StandardOpenOption.READ)) {
          opened.force(true);
        }
      }
    } catch (IOException e) {
      throw failed(e);
    }
  }

  private FsException failed(IOException e) {
    FsError error =
        String.valueOf(e.getMessage()).contains("No space left")
            ? FsError.NO_SPACE
            : FsError.STORAGE_FAILED;
    return new FsException(error, path + ": " + e.getMessage(), e);
  }

  @Override
  public String toString() {
    return path.toString();
  }
}
