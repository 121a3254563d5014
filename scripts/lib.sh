# What the scripts share: where the checkout is, options, which Java and Maven to use, and when to build.
# Sourced, not run. The launcher sources it on every command, so nothing here may start a process
# unless it has to.

adhocfs_root=${BASH_SOURCE[0]%/*}
[[ $adhocfs_root == /* ]] || adhocfs_root=$PWD/$adhocfs_root
adhocfs_root=${adhocfs_root%/.}
adhocfs_root=${adhocfs_root%/*}
adhocfs_dist=$adhocfs_root/adhocfs-cli/target/dist

say() { printf '%s\n' "adhocfs: $*" >&2; }

die() {
  say "$@"
  exit 1
}

wrong_use() { say "$1; scripts/${0##*/} --help says what it takes"; exit 2; }

# A script declares its options in the order of its help, then calls parse_options "$@", which sets a variable
# for each: --work sets work. TAKES says in the help what an option takes, and some of it is checked: N is a
# whole number, NUMBER a number, DIR a directory that exists, WORD a word of the default. With ... behind it,
# the value is a list in one argument.
declare -A option_takes=() option_defaults=()
option_help=(--help "show this text") operands=() others=() others_taken=

# option --NAME TAKES DEFAULT HELP; a NAME without dashes is an argument that stands by itself.
option() {
  local shown=$2
  option_takes[$1]=$2 option_defaults[$1]=$3
  printf -v "${1#--}" %s "$3"
  [[ $2 != *... ]] || shown="\"$2\""
  if [[ $1 == --* ]]; then shown="$1 $shown"; else operands+=("$1"); fi
  option_help+=("$shown" "$4${3:+ (default: $3)}")
}

# flag --NAME HELP; the variable is yes if the flag is given, else empty.
flag() { option "$1" '' '' "$2"; }

# others SHOWN HELP; the array others takes all arguments that are not declared. Without it they are refused.
others() { others_taken=yes option_help+=("$1" "$2"); }

parse_options() {
  while (($#)); do
    if [[ $1 == -h || $1 == --help ]]; then
      print_help
    elif [[ $1 == --* && -n ${option_takes[$1]-} ]]; then
      (($# > 1)) && [[ $2 != --* ]] || wrong_use "$1 needs a value (${option_takes[$1]})"
      set_option "$1" "$2"
      shift
    elif [[ $1 == --* && -n ${option_takes[$1]+flag} ]]; then
      printf -v "${1#--}" yes
    elif [[ -n $others_taken ]]; then
      others+=("$1")
    elif [[ $1 == -* ]]; then
      wrong_use "there is no option $1"
    else
      ((${#operands[@]} > 0)) || wrong_use "'$1' is one argument too many"
      set_option "${operands[0]}" "$1"
      operands=("${operands[@]:1}")
    fi
    shift
  done
}

set_option() {
  local takes=${option_takes[$1]} default=${option_defaults[$1]} words=("$2") word
  [[ $takes != *... ]] || read -ra words <<<"$2"
  for word in "${words[@]}"; do
    case ${takes%...} in
      N) [[ $word =~ ^[1-9][0-9]{0,8}$ ]] || wrong_use "$1: '$word' is not a whole number from 1 on" ;;
      NUMBER) [[ $word =~ ^[0-9]+(\.[0-9]+)?$ ]] || wrong_use "$1: '$word' is not a number" ;;
      DIR) [[ -d $word ]] || wrong_use "there is no directory '$word'" ;;
      WORD) [[ " $default " == *" $word "* ]] || wrong_use "$1: '$word' is none of $default" ;;
    esac
  done
  printf -v "${1#--}" %s "$2"
}

# Prints the head of the script, its options and what its exit codes mean, and ends the script.
print_help() {
  local i text
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
  echo "options:"
  for ((i = 0; i < ${#option_help[@]}; i += 2)); do
    text=$(fold -s -w 84 <<<"${option_help[i + 1]}")
    printf '  %-20s %s\n' "${option_help[i]}" "${text//$'\n'/$'\n                       '}"
  done
  echo "exit codes: 0 done; 1 failed, and the lines before say why; 2 wrong options or values"
  exit
}

# True if $1 is the home of a JDK 25 or newer. Reads the JDK's own release file: starting a JVM to ask it
# its version would cost more than most commands do.
is_jdk25() {
  local line version
  [[ -x $1/bin/java && -x $1/bin/javac && -r $1/release ]] || return 1
  while IFS= read -r line; do
    [[ $line == JAVA_VERSION=* ]] || continue
    version=${line#*=}
    version=${version//\"/}
    version=${version%%[!0-9]*}
    [[ -n $version ]] && ((version >= 25))
    return
  done <"$1/release"
  return 1
}

# Sets and exports JAVA_HOME: the one in the environment, else that of `java` on PATH, else one below
# /usr/lib/jvm.
find_jdk25() {
  local java candidate
  if [[ -n ${JAVA_HOME-} ]] && is_jdk25 "$JAVA_HOME"; then
    export JAVA_HOME
    return
  fi
  if java=$(type -P java); then
    if [[ -L $java ]]; then
      java=$(readlink -f "$java")
    fi
    candidate=${java%/bin/java}
    if is_jdk25 "$candidate"; then
      export JAVA_HOME=$candidate
      return
    fi
  fi
  for candidate in /usr/lib/jvm/*; do
    if is_jdk25 "$candidate"; then
      export JAVA_HOME=$candidate
      return
    fi
  done
  say "needs a JDK 25 or newer and found none: not in JAVA_HOME (${JAVA_HOME:-unset}), not as java on PATH, not below /usr/lib/jvm."
  say "Install one, for example the package openjdk-25-jdk-headless or temurin-25-jdk of your distribution,"
  die "or unpack a JDK 25 archive anywhere and set JAVA_HOME to its directory."
}

# Sets maven: the system's mvn from 3.8 on, else the wrapper (which needs MVNW_REPOURL, see
# .mvn/wrapper/maven-wrapper.properties).
find_maven() {
  local version major minor
  if type -P mvn >/dev/null; then
    version=$(mvn -B -v 2>/dev/null | sed -n 's/^[^A-Z]*Apache Maven \([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
    read -r major minor <<<"${version:-0 0}"
    if ((major > 3 || (major == 3 && minor >= 8))); then
      maven=mvn
      return
    fi
  fi
  if [[ -n ${MVNW_REPOURL-} ]]; then
    maven=$adhocfs_root/mvnw
    return
  fi
  say "needs Maven 3.8 or newer and found none on PATH: install the package maven of your distribution,"
  die "or set MVNW_REPOURL to a Maven repository, and ./mvnw will fetch Maven from it."
}

# One build at a time, also between two launches that both find the jars out of date.
lock_build() {
  exec {adhocfs_lock}>"$adhocfs_root/.build.lock"
  flock -n "$adhocfs_lock" && return
  say "waiting for another build to end"
  flock "$adhocfs_lock"
}

unlock_build() { exec {adhocfs_lock}>&-; }

# dist/built is as old as the start of the last good build; what was changed since is newer.
dist_is_current() {
  [[ -e $adhocfs_dist/built ]] || return 1
  local newer
  newer=$(find "$adhocfs_root"/pom.xml "$adhocfs_root"/adhocfs-*/pom.xml "$adhocfs_root"/adhocfs-*/src/main \
    -newer "$adhocfs_dist/built" -print -quit)
  [[ -z $newer ]]
}

# Builds if there is no program at all. For commands that take down or show what runs: they must neither
# wait for a build nor fail with it, and what runs is of the old program anyway.
ensure_program() { [[ -d $adhocfs_dist/lib ]] || ensure_built; }

# Builds if the jars are missing or older than the sources. ADHOCFS_BUILD=never trusts whatever is there.
ensure_built() {
  if [[ ${ADHOCFS_BUILD-} == never ]]; then
    [[ -d $adhocfs_dist/lib ]] || die "is not built, and ADHOCFS_BUILD=never forbids it; run scripts/build"
    return
  fi
  dist_is_current && return
  lock_build
  if ! dist_is_current; then
    local log=$adhocfs_root/target/build.log
    mkdir -p "$adhocfs_root/target"
    say "building (about half a minute; log in $log)"
    if ! build_dist >"$log" 2>&1; then
      grep -E '^\[(ERROR|WARNING)\]' "$log" | head -n 40 >&2
      die "the build failed; all of it is in $log"
    fi
    say "built"
  fi
  unlock_build
}

# The build proper; the caller holds the lock. Arguments go to Maven. The program is gathered beside the
# one that is there, which stays usable meanwhile, and for good if the build fails.
build_dist() {
  find_jdk25
  find_maven
  local started=$adhocfs_root/.build.started beside=$adhocfs_dist.new before=$adhocfs_dist.old
  touch "$started"
  rm -rf "$beside" "$before"
  (cd "$adhocfs_root" && "$maven" -DskipTests "-Dadhocfs.dist=$beside" "$@" package) || return
  [[ ! -e $adhocfs_dist ]] || mv "$adhocfs_dist" "$before"
  mv "$beside" "$adhocfs_dist"
  rm -rf "$before"
  record_startup
  mv "$started" "$adhocfs_dist/built"
}

# Keeps what the JVM loads, links and learns in files that later starts map (JDK 25's AOT cache): one for short
# commands, one for daemons and mounts, which run with another compiler. They only save time: without
# them everything works as well.
record_startup() {
  [[ -e $adhocfs_root/adhocfs-cli/target/classes/io/adhocfs/cli/Main.class ]] || return 0
  set_java_command
  record_cache adhocfs.aot || return 0
  java_command=("${java_command[@]/-XX:TieredStopAtLevel=1/-XX:+TieredCompilation}")
  java_command+=(-Dadhocfs.practice=6000)
  record_cache service.aot || return 0
}

record_cache() {
  if "${java_command[@]}" -Dadhocfs.rehearsal=true -XX:AOTCacheOutput="$adhocfs_dist/unfinished.aot" \
    io.adhocfs.cli.Main rehearse >/dev/null 2>&1 && mv "$adhocfs_dist/unfinished.aot" "$adhocfs_dist/$1"; then
    return 0
  fi
  say "no start-up cache was made; commands start a little slower"
  return 1
}

# Whether a start-up cache was made from the jars that are there: the JVM complains about any other.
cache_is_current() {
  local jar
  [[ -e $adhocfs_dist/$1 ]] || return 1
  for jar in "$adhocfs_dist"/lib/adhocfs-*.jar; do
    [[ ! $jar -nt $adhocfs_dist/$1 ]] || return 1
  done
}

# Sets java_command: how the program is started, up to the main class. What the JVM itself has to say goes
# to stderr: stdout belongs to the command's output.
set_java_command() {
  java_command=(
    "$JAVA_HOME/bin/java"
    -XX:+UseSerialGC -XX:TieredStopAtLevel=1
    -XX:-UsePerfData # Its files in /tmp would stay behind.
    -Xlog:disable -Xlog:all=warning:stderr
    --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow
    -Dio.netty.jfr.enabled=false # Its events would have the JVM load its flight recorder at each start.
    "-Dadhocfs.home=$adhocfs_root"
    "-Dadhocfs.launcher=$adhocfs_root/scripts/adhocfs"
    "-Djava.library.path=$adhocfs_dist/native"
    -cp "$adhocfs_dist/lib/*"
  )
  if cache_is_current service.aot; then
    java_command+=("-Dadhocfs.cache=$adhocfs_dist/service.aot")
  fi
}
