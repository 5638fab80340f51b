#!/usr/bin/env bash
# Backs up a service on PostgreSQL and S3, database and bucket together, while it works; checks such a backup; restores it.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: backup.sh take FOLDER [PREVIOUS]             make a backup in FOLDER, which must not be there yet; what the backup in PREVIOUS has already
                                                    is linked from it instead of fetched again (both on one file system)
       backup.sh check FOLDER                       read all of a backup: is it whole and unchanged?
       backup.sh restore FOLDER                     put it into an empty database and an empty bucket
       backup.sh restore-objects FOLDER [SHA256..]  put back the objects that the bucket lacks; with names: write these, whatever is there

The settings are those of the service, from the environment, so that one file serves both:
  Database__ConnectionString  Host=..;Port=..;Database=..;Username=..;Password=..
  Storage__S3__Endpoint, Storage__S3__Bucket, Storage__S3__AccessKey, Storage__S3__SecretKey, Storage__S3__Region (us-east-1)
  Storage__CollectAfterHours  (24) taking a backup must not last longer
Needed: pg_dump, pg_restore and psql, not older than the server, and rclone. Debian has them in postgresql-client and rclone.
USAGE
}

say() { echo "$(date -u +%H:%M:%S) $*"; }

fail() {
  echo "backup.sh: $*" >&2
  exit 1
}

need_programs() {
  local program
  for program in pg_dump pg_restore psql rclone; do
    command -v "$program" >/dev/null || fail "the program '$program' is missing. Install it (Debian: apt-get install postgresql-client rclone) and run this again."
  done
}

# A setting of the service that there is no default for.
setting() {
  [ -n "${!1:-}" ] || fail "$1 is not set. Load the service's settings first, for instance: set -a; . FILE; set +a"
  echo "${!1}"
}

# Hands the connection string of the service to PostgreSQL's programs, by the environment: no process list shows it.
use_database() {
  local connection part key value
  connection=$(setting Database__ConnectionString)
  case "$connection" in *[\"\']*) fail "Database__ConnectionString has a quoted value, which this script cannot read. Choose a password without ' \" and ;." ;; esac
  local -a parts
  IFS=';' read -r -a parts <<<"$connection"
  for part in "${parts[@]}"; do
    key="${part%%=*}" value="${part#*=}"
    key="${key,,}"
    case "${key// /}" in
      host | server) export PGHOST="$value" ;;
      port) export PGPORT="$value" ;;
      database | db) export PGDATABASE="$value" ;;
      username | user | userid | uid) export PGUSER="$value" ;;
      password | psw | pwd) export PGPASSWORD="$value" ;;
      rootcertificate) export PGSSLROOTCERT="$value" ;;
      sslmode)
        value="${value,,}" value="${value/verifyca/verify-ca}"
        export PGSSLMODE="${value/verifyfull/verify-full}"
        ;;
    esac
  done
  if [ -z "${PGHOST:-}" ] || [ -z "${PGDATABASE:-}" ]; then
    fail "Database__ConnectionString must name Host and Database, such as Host=db;Port=5432;Database=continual;Username=continual;Password=.."
  fi
  export PGAPPNAME=continual-backup PGCONNECT_TIMEOUT=10
}

# The bucket is then "store:$bucket" for rclone; no configuration file is read or written.
use_bucket() {
  local endpoint access secret
  endpoint=$(setting Storage__S3__Endpoint)
  bucket=$(setting Storage__S3__Bucket)
  access=$(setting Storage__S3__AccessKey)
  secret=$(setting Storage__S3__SecretKey)
  export RCLONE_CONFIG=/dev/null RCLONE_CONFIG_STORE_TYPE=s3 RCLONE_CONFIG_STORE_PROVIDER=Other RCLONE_CONFIG_STORE_FORCE_PATH_STYLE=true
  export RCLONE_CONFIG_STORE_ENDPOINT="$endpoint" RCLONE_CONFIG_STORE_REGION="${Storage__S3__Region:-us-east-1}"
  export RCLONE_CONFIG_STORE_ACCESS_KEY_ID="$access" RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY="$secret"
  # Debian's rclone refuses to start with the variable that other S3 programs know; its own means the same.
  if [ -n "${AWS_CA_BUNDLE:-}" ]; then export RCLONE_CA_CERT="$AWS_CA_BUNDLE"; fi
  unset AWS_CA_BUNDLE
  rclone lsd store: --contimeout 10s --retries 1 --low-level-retries 2 >/dev/null 2>"$scratch/rclone.log" ||
    fail "the S3 store at $endpoint does not answer, or refuses the keys: $(tail -n 1 "$scratch/rclone.log")"
}

# Copies or syncs objects. Their bytes never change under their name, so a name with the same length is the same object, and nothing else needs asking for.
transfer() {
  local verb="$1" from="$2" to="$3"
  rclone "$verb" "$from" "$to" --include '/objects/**' --size-only --use-server-modtime --transfers 8 --checkers 16 --contimeout 10s \
    --retries 10 --retries-sleep 2s --s3-no-check-bucket --log-file "$scratch/rclone.log" --log-level ERROR ||
    fail "copying the objects from $from to $to failed: $(tail -n 1 "$scratch/rclone.log")"
}

make_bucket() {
  rclone mkdir "store:$bucket" 2>"$scratch/rclone.log" || fail "the bucket $bucket cannot be made: $(tail -n 1 "$scratch/rclone.log")"
}

names_in() { find "$1/objects" -type f -printf '%f\n' | LC_ALL=C sort; }

# An object's name is the SHA-256 of its bytes.
check_objects() {
  local folder="$1"
  [ -n "$(find "$folder/objects" -type f -print -quit)" ] || return 0
  find "$folder/objects" -type f -printf '%f  %p\n' | sha256sum --check --strict --quiet >"$scratch/damaged" 2>&1 ||
    fail "objects whose bytes are not those of their names: $(head -n 5 "$scratch/damaged" | tr '\n' ' ')"
}

take() {
  local folder="$1" previous="${2:-}" limit
  limit=$(awk -v hours="${Storage__CollectAfterHours:-24}" 'BEGIN { printf "%d", hours * 3600 }')
  [ ! -e "$folder" ] || fail "$folder is there already. Name a new folder for each backup."
  [ -z "$previous" ] || [ -f "$previous/MANIFEST" ] || fail "$previous holds no finished backup. Name another one, or none to fetch everything."
  use_database
  use_bucket
  umask 077
  mkdir -p "$folder"
  [ -z "$previous" ] || cp --archive --link "$previous/objects" "$folder/"

  # First the objects, then the rows, then the objects that came meanwhile. Whatever the rows name is then in one of the two: an object from before
  # the first pass was named, so nobody deleted it before the pass had it; the collector spares a younger one for Storage:CollectAfterHours, which is
  # why that is the limit for the whole. Only checkpoints are deleted at once, when the next one comes: a restore starts such a run from its beginning.
  SECONDS=0
  say "1/4 objects of $bucket"
  transfer sync "store:$bucket" "$folder"
  say "2/4 database $PGDATABASE on $PGHOST"
  pg_dump --format=custom --no-owner --no-privileges --file="$folder/database.dump" ||
    fail "pg_dump failed; the lines above say why. It must not be older than the server: $(pg_dump --version)."
  say "3/4 objects that came meanwhile"
  transfer copy "store:$bucket" "$folder"
  [ "$SECONDS" -lt "$limit" ] ||
    fail "this took $SECONDS s, longer than Storage__CollectAfterHours, so that objects may be missing. Raise that setting for the service and here, or give the previous backup: take FOLDER PREVIOUS."

  say "4/4 reading it again"
  # An empty folder goes with a sync.
  mkdir -p "$folder/objects"
  check_objects "$folder"
  names_in "$folder" >"$folder/objects.txt"
  (cd "$folder" && sha256sum database.dump objects.txt >"$scratch/MANIFEST")
  sync --file-system "$folder"
  # Last: a folder without it is a backup that was not finished.
  mv "$scratch/MANIFEST" "$folder/MANIFEST"
  say "done in $SECONDS s: $(wc -l <"$folder/objects.txt") objects, $(du -sh "$folder" | cut -f 1)"
}

check() {
  local folder="$1"
  [ -f "$folder/MANIFEST" ] || fail "$folder holds no finished backup (it has no MANIFEST). Use another one."
  (cd "$folder" && sha256sum --check --strict --quiet MANIFEST) || fail "the backup in $folder has been altered since it was made. Use another one."
  names_in "$folder" | LC_ALL=C comm -23 "$folder/objects.txt" - >"$scratch/missing"
  [ ! -s "$scratch/missing" ] || fail "$(wc -l <"$scratch/missing") objects are missing from $folder, the first $(head -n 1 "$scratch/missing"). Use another backup."
  check_objects "$folder"
  say "$folder is whole: $(wc -l <"$folder/objects.txt") objects"
}

query() { psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 "$@"; }

restore() {
  local folder="$1" tables strangers lost
  use_database
  use_bucket
  say "1/4 the backup"
  check "$folder"
  tables=$(query --command="select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'S') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_toast%'") ||
    fail "the database does not answer; the line above says why. Make an empty one (createdb) and name it in Database__ConnectionString."
  [ "$tables" -eq 0 ] || fail "the database $PGDATABASE is not empty ($tables tables). Make an empty one (createdb) and name it in Database__ConnectionString."
  make_bucket
  # Those of this very backup are what an interrupted restore left.
  rclone lsf --recursive --files-only --include '/objects/**' "store:$bucket" | sed 's|.*/||' | LC_ALL=C sort | LC_ALL=C comm -23 - "$folder/objects.txt" >"$scratch/strangers"
  strangers=$(wc -l <"$scratch/strangers")
  [ "$strangers" -eq 0 ] || fail "the bucket $bucket holds $strangers objects that are not of this backup. Name a new bucket in Storage__S3__Bucket: two services must not share one."

  say "2/4 objects to $bucket"
  transfer copy "$folder" "store:$bucket"
  say "3/4 database $PGDATABASE on $PGHOST"
  pg_restore --exit-on-error --single-transaction --no-owner --no-privileges --dbname="$PGDATABASE" "$folder/database.dump" ||
    fail "pg_restore failed and left the database empty; the lines above say why."
  say "4/4 checkpoints"
  lost=$(forget_lost_checkpoints "$folder")
  [ "$lost" -eq 0 ] || say "$lost were deleted while the backup was taken: these runs start from their first step"
  say "restored. Now run 'ContinualService.Api prepare' and 'ContinualService.Api verify' with these settings, then start the service."
}

# Rows whose checkpoint the backup lacks would be found missing for ever. Answers how many.
forget_lost_checkpoints() {
  {
    echo 'create temporary table kept (sha256 text primary key); copy kept from stdin;'
    cat "$1/objects.txt"
    printf '%s\n' '\.' 'with lost as (delete from "Checkpoints" where "Sha256" not in (select sha256 from kept) returning 1) select count(*) from lost;'
  } | query
}

restore_objects() {
  local folder="$1" name path
  shift
  use_bucket
  make_bucket
  if [ $# -eq 0 ]; then
    check "$folder"
    transfer copy "$folder" "store:$bucket"
    say "the bucket $bucket has every object of $folder. Run 'ContinualService.Api verify' next."
    return
  fi
  for name in "$@"; do
    path="objects/${name:0:2}/$name"
    [ -f "$folder/$path" ] || fail "$folder has no object $name. Look for it in another backup."
    echo "$name  $folder/$path" | sha256sum --check --strict --status || fail "the object $name is damaged in $folder too. Look for it in another backup."
    rclone copyto "$folder/$path" "store:$bucket/$path" --ignore-times --s3-no-check-bucket 2>"$scratch/rclone.log" ||
      fail "the object $name could not be written: $(tail -n 1 "$scratch/rclone.log")"
    say "wrote $name"
  done
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
verb="${1:-}" folder="${2:-}"
if [ -z "$folder" ]; then
  usage >&2
  exit 2
fi
need_programs
case "$verb" in
  take) take "$folder" "${3:-}" ;;
  check) check "$folder" ;;
  restore) restore "$folder" ;;
  restore-objects) restore_objects "$folder" "${@:3}" ;;
  *) usage >&2 && exit 2 ;;
esac
