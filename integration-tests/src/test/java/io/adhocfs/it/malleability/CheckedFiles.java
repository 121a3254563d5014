package io.adhocfs.it.malleability;

import java.io.IOException;
import java.util.Set;

/** One directory of an instance, reached in one way; what fails throws. One thread. */
interface CheckedFiles extends AutoCloseable {
  /** Makes an empty file, or empties it. */
  void create(String name) throws Exception;

  void write(String name, long offset, byte[] bytes) throws Exception;

  void append(String name, byte[] bytes) throws Exception;

  void truncate(String name, long sizeBytes) throws Exception;

  /** All bytes of a file. */
  byte[] read(String name) throws Exception;

  void rename(String from, String to) throws Exception;

  void link(String existing, String name) throws Exception;

  void remove(String name) throws Exception;

  void makeDirectory(String name) throws Exception;

  void removeDirectory(String name) throws Exception;

  Set<String> list() throws Exception;

  /** Opens a file that stays open until this is closed, whatever becomes of its name. */
  void hold(String name) throws Exception;

  void writeHeld(long offset, byte[] bytes) throws Exception;

  byte[] readHeld() throws Exception;

  /**
   * Locks a file that all share for itself, adds one to the number in it, and unlocks it.
   *
   * @param path below the instance's root
   */
  void addOneLocked(String path) throws Exception;

  @Override
  void close() throws IOException;
}
