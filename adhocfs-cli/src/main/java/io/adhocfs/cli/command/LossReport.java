package io.adhocfs.cli.command;

import io.adhocfs.malleability.verify.LostSearch.LostFile;
import io.adhocfs.malleability.verify.VerifyReport;
import io.adhocfs.protocol.model.NodeId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The data that was lost with nodes.
 *
 * @param files the files that have lost chunks
 * @param halves the names, inodes and chunks that have lost their other half
 */
record LossReport(List<NodeId> nodes, List<LostFile> files, VerifyReport halves) {
  LossReport {
    nodes = List.copyOf(nodes);
    files = List.copyOf(files);
  }

  boolean anyLost() {
    return !files.isEmpty() || halves.inconsistencyCount() > 0;
  }

  /** A line for each loss. */
  List<String> lines() {
    List<String> lines = new ArrayList<>();
    for (LostFile file : files) {
      StringBuilder ranges = new StringBuilder();
      for (long[] range : file.ranges()) {
        ranges
            .append(ranges.isEmpty() ? "" : ", ")
            .append(range[0])
            .append('-')
            .append(range[1] - 1);
      }
      String name =
          file.paths().isEmpty() ? "inode " + file.inode() : String.join(" = ", file.paths());
      lines.add("LOST: %s: bytes %s of %d".formatted(name, ranges, file.sizeBytes()));
    }
    halves.inconsistencies().forEach(sentence -> lines.add("LOST: " + sentence));
    long more = halves.inconsistencyCount() - halves.inconsistencies().size();
    if (more > 0) {
      lines.add("and " + more + " more names and inodes");
    }
    return lines;
  }

  Map<String, Object> json() {
    var fields = new LinkedHashMap<String, Object>();
    fields.put("nodes", nodes.stream().map(NodeId::toString).toList());
    List<Object> lost = new ArrayList<>();
    for (LostFile file : files) {
      var entry = new LinkedHashMap<String, Object>();
      entry.put("inode", file.inode().toString());
      entry.put("paths", file.paths());
      entry.put("size_bytes", file.sizeBytes());
      entry.put("chunk_size_bytes", file.chunkSizeBytes());
      entry.put("chunks", List.copyOf(file.chunks()));
      List<Object> ranges = new ArrayList<>();
      file.ranges().forEach(range -> ranges.add(List.of(range[0], range[1])));
      entry.put("lost_bytes", ranges);
      lost.add(entry);
    }
    fields.put("files", lost);
    fields.put("without_other_half", halves.inconsistencies());
    fields.put("without_other_half_count", halves.inconsistencyCount());
    return fields;
  }
}
