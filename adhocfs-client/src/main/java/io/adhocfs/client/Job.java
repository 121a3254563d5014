package io.adhocfs.client;

import java.util.Map;

/**
 * The job of a batch system, as limits and statistics know it.
 *
 * @param id empty = none
 * @param step empty = none
 */
public record Job(String id, String step) {
  public static final Job NONE = new Job("", "");

  private static final int CHARS_MAX = 64;

  public Job {
    id = shortened(id);
    step = shortened(step);
  }

  private static String shortened(String text) {
    return text.length() <= CHARS_MAX ? text : text.substring(0, CHARS_MAX);
  }

  /**
   * The job that a process's environment names: by ADHOCFS_JOB, with ADHOCFS_STEP if that is set
   * too, else as Slurm does.
   */
  public static Job of(Map<String, String> environment) {
    String own = environment.getOrDefault("ADHOCFS_JOB", "");
    return own.isEmpty()
        ? new Job(
            environment.getOrDefault("SLURM_JOB_ID", ""),
            environment.getOrDefault("SLURM_STEP_ID", ""))
        : new Job(own, environment.getOrDefault("ADHOCFS_STEP", ""));
  }
}
