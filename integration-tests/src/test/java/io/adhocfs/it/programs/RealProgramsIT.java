package io.adhocfs.it.programs;

import org.junit.jupiter.api.Test;

/** What people do all day: copy, archive, commit, build, and look at it through another mount. */
class RealProgramsIT extends ProgramsContract {
  /** A real tree: all of /usr/include in the full run, a part of it otherwise. */
  private static String tree() {
    return FULL ? "/usr/include" : "/usr/include/linux";
  }

  @Test
  void copiedTreeIsTheSameInsideAndAfterStageOut() throws Exception {
    run(
        """
        cp -a %1$s "$here/tree"
        diff -r --no-dereference %1$s "$there/tree"
        "$adhocfs" copy $inside/tree "$local/"
        diff -r --no-dereference %1$s "$local/tree"
        "$adhocfs" copy %1$s $inside/staged
        diff -r --no-dereference %1$s "$there/staged"
        (cd %1$s && find . -type f -exec sha256sum {} +) > "$local/sums"
        (cd "$there/staged" && sha256sum --quiet -c "$local/sums")
        (cd %1$s && find . -printf '%%P %%m %%T@ %%y %%l\\n' | sort) > "$local/a"
        (cd "$there/staged" && find . -printf '%%P %%m %%T@ %%y %%l\\n' | sort) > "$local/b"
        diff <(grep -v '^ ' "$local/a") <(grep -v '^ ' "$local/b")
        rm -r "$here/tree" "$there/staged"
        """
            .formatted(tree()));
  }

  @Test
  void tarKeepsATree() throws Exception {
    run(
        "tar cf \"$here/t.tar\" -C %1$s . && mkdir x && tar xf t.tar -C x && diff -r --no-dereference %1$s \"$there/x\""
            .formatted("/usr/include/asm-generic"));
  }

  @Test
  void gitWorks() throws Exception {
    run(
        """
        export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b HOME="$local"
        git init -q repository && cd repository
        cp -r /usr/include/asm-generic .
        git add . && git commit -qm one
        for i in 1 2 3; do echo $i >> asm-generic/types.h; git commit -qam "change $i"; done
        git gc -q
        git fsck --strict
        git clone -q . ../clone
        cd ../clone && git fsck --strict && [ -z "$(git status --porcelain)" ]
        diff -r --exclude=.git . ../repository
        """);
  }

  @Test
  void secondRsyncMovesNothing() throws Exception {
    run(
        """
        rsync -a /usr/include/linux "$here/"
        rsync -a --itemize-changes /usr/include/linux "$there/" > "$local/changes"
        [ ! -s "$local/changes" ] || { cat "$local/changes"; exit 1; }
        diff -r /usr/include/linux "$here/linux"
        """);
  }

  @Test
  void sqliteKeepsItsRows() throws Exception {
    for (String mode : new String[] {"WAL", "DELETE"}) {
      run(
          """
          db=%1$s.db
          { echo 'PRAGMA journal_mode=%1$s; CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);'
            for b in $(seq 1 20); do
              echo 'BEGIN;'
              for i in $(seq 1 500); do echo "INSERT INTO t(v) VALUES('row $b $i');"; done
              echo 'COMMIT;'
            done; } | sqlite3 $db
          [ "$(sqlite3 $db 'SELECT count(*) FROM t; PRAGMA integrity_check;' | tr '\\n' ' ')" = '10000 ok ' ]
          """
              .formatted(mode));
    }
  }

  @Test
  void programCompilesAndRuns() throws Exception {
    run(
        """
        for i in $(seq 1 20); do printf 'int f%d(void){return %d;}\\n' $i $i > f$i.c; done
        { for i in $(seq 1 20); do echo "int f$i(void);"; done
          echo 'int main(void){int s=0;'
          for i in $(seq 1 20); do echo "s+=f$i();"; done
          echo 'return s==210?0:1;}'; } > main.c
        printf 'OBJS=$(patsubst %%.c,%%.o,$(wildcard *.c))\\nprog: $(OBJS)\\n\\tcc -o $@ $(OBJS)\\n' > Makefile
        make -s -j2 prog
        ./prog
        [ -z "$(make -s -n prog)" ] || make -q prog
        """);
  }

  @Test
  void pythonCompilesATree() throws Exception {
    run(
        """
        python3 - <<'P'
        import os, py_compile, sysconfig, shutil
        source = os.path.join(sysconfig.get_paths()['stdlib'], 'json')
        shutil.copytree(source, 'json', ignore=shutil.ignore_patterns('__pycache__'))
        P
        python3 -m compileall -q json
        PYTHONPATH=. python3 -c 'import json; print(json.loads("[1,2]"), json.__file__)' | grep "$here"
        """);
  }

  @Test
  void fioVerifiesWhatItWrote() throws Exception {
    String size = FULL ? "1g" : "128m";
    run(
        """
        fio --name=seq --directory="$here" --size=%1$s --bs=1m --rw=write --verify=crc32c --do_verify=1 \\
            --ioengine=psync --fallocate=none > "$local/fio1" 2>&1 || { cat "$local/fio1"; exit 1; }
        fio --name=rand --directory="$here" --size=16m --bs=4k --rw=randwrite --verify=crc32c --do_verify=1 \\
            --ioengine=psync --fallocate=none > "$local/fio2" 2>&1 || { cat "$local/fio2"; exit 1; }
        """
            .formatted(size));
  }

  @Test
  void finishedWritesAreSeenByTheOtherMount() throws Exception {
    run(
        """
        for i in $(seq 1 30); do
          head -c $((i * 40000)) /dev/urandom > "$here/f"
          [ "$(sha256sum < "$here/f")" = "$(sha256sum < "$there/f")" ]
          printf 'appended %d' $i >> "$there/f"
          [ "$(tail -c 11 "$here/f" | tr -d '\\0' | grep -c 'pended')" = 1 ]
          cmp "$here/f" "$there/f"
          mv "$there/f" "$there/g" && [ ! -e "$here/f" ] && mv "$here/g" "$here/f"
        done
        """);
  }

  @Test
  void unlinkedFileLivesOnForAnotherMount() throws Exception {
    run(
        """
        head -c 3000000 /dev/urandom > "$here/f"
        sum=$(sha256sum < "$here/f")
        exec 5< "$here/f"
        rm "$there/f"
        [ ! -e "$here/f" ]
        [ "$(sha256sum <&5)" = "$sum" ]
        exec 5<&-
        """);
  }

  @Test
  void largeFileIsSpreadEvenlyOverAllDaemons() throws Exception {
    run("dd if=/dev/urandom of=f bs=1M count=64 status=none");
    long[] kibibytes = new long[4];
    for (int node = 0; node < 4; node++) {
      String used =
          instance()
              .bash(
                  here(),
                  "find %s/chunks -type f -size +1M -printf '%%k\\n' | sort -n | tail -1"
                      .formatted(instance().dataDirectory(node)));
      kibibytes[node] = Long.parseLong(used.strip());
    }
    for (long used : kibibytes) {
      org.assertj.core.api.Assertions.assertThat(used)
          .isBetween(16L * 1024 - 512, 16L * 1024 + 512);
    }
    run("rm f");
  }
}
