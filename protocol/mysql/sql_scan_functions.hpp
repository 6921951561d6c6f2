// Functions of MySQL and MariaDB whose calls leave nothing behind in the session, and types that look like calls;
// separated by single spaces. What is missing here costs a session its place in the pool, so nothing is guessed.
// MySQL manual, "Functions and Operators"; MariaDB, "Built-in Functions".
#pragma once

#include <string_view>

namespace rekey::protocol::mysql {

inline constexpr std::string_view harmless_functions =
    // numbers
    "abs acos asin atan atan2 ceil ceiling conv cos cot crc32 crc32c degrees exp floor format greatest least ln log "
    "log10 "
    "log2 mod pi pow power radians rand round sign sin sqrt tan bit_count bin oct hex unhex "
    // text
    "ascii bit_length char char_length character_length chr concat concat_ws elt export_set field find_in_set "
    "from_base64 instr lcase left length lengthb load_file locate lower lpad ltrim make_set mid natural_sort_key "
    "octet_length ord position quote regexp_instr regexp_like regexp_replace regexp_substr repeat reverse right rpad "
    "rtrim soundex space strcmp sformat substr substring substring_index to_base64 to_char trim trim_oracle ucase "
    "upper "
    "weight_string "
    // dates
    "add_months adddate addtime convert_tz curdate current_date current_time current_timestamp curtime date date_add "
    "date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear extract from_days from_unixtime "
    "get_format "
    "hour interval last_day localtime localtimestamp makedate maketime microsecond minute month monthname now "
    "period_add "
    "period_diff quarter sec_to_time second str_to_date subdate subtime sysdate time time_format time_to_sec timediff "
    "timestampadd timestampdiff to_days to_seconds unix_timestamp utc_date utc_time utc_timestamp week weekday "
    "weekofyear year yearweek "
    // control flow and casts
    "coalesce ifnull nullif nvl nvl2 decode decode_oracle isnull cast convert any_value default grouping name_const "
    "binary varbinary varchar nchar nvarchar decimal numeric dec fixed float double real datetime signed unsigned int "
    "integer bigint smallint tinyint mediumint bit enum text blob tinytext mediumtext longtext tinyblob mediumblob "
    "longblob array vector "
    // aggregates and window functions
    "avg bit_and bit_or bit_xor group_concat json_arrayagg json_objectagg max min std stddev stddev_pop stddev_samp "
    "sum "
    "var_pop var_samp variance cume_dist dense_rank first_value lag last_value lead median nth_value ntile "
    "percent_rank "
    "percentile_cont percentile_disc rank row_number st_collect "
    // JSON and XML
    "extractvalue updatexml json_array json_array_append json_array_insert json_array_intersect json_arrayagg "
    "json_compact "
    "json_contains json_contains_path json_depth json_detailed json_equals json_exists json_extract json_insert "
    "json_keys json_key_value json_length json_loose json_merge json_merge_patch json_merge_preserve json_normalize "
    "json_object json_object_filter_keys json_object_to_array json_overlaps json_pretty json_query json_quote "
    "json_remove json_replace json_schema_valid json_schema_validation_report json_search json_set json_storage_free "
    "json_storage_size json_table json_type json_unquote json_valid json_value "
    // hashes, compression, identifiers
    "aes_decrypt aes_encrypt compress uncompress uncompressed_length des_decrypt des_encrypt encode encrypt md5 "
    "old_password password random_bytes sha sha1 sha2 statement_digest statement_digest_text "
    "validate_password_strength uuid uuid_short uuid_to_bin bin_to_uuid is_uuid sys_guid kdf "
    "inet_aton inet_ntoa inet6_aton inet6_ntoa is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 "
    // session and server
    "benchmark charset coercibility collation current_role current_user database schema session_user system_user user "
    "version icu_version roles_graphml sleep is_free_lock is_used_lock ps_current_thread_id ps_thread_id format_bytes "
    "format_pico_time binlog_gtid_pos master_gtid_wait master_pos_wait source_pos_wait wait_for_executed_gtid_set "
    "gtid_subset gtid_subtract rownum nextval mysql_query_attribute_string analyse "
    // spatial
    "geometrycollection geomcollection geometryfromtext geometryfromwkb geomfromtext geomfromwkb linestring "
    "mbrcontains "
    "mbrcoveredby mbrcovers mbrdisjoint mbrequal mbrequals mbrintersects mbroverlaps mbrtouches mbrwithin "
    "multilinestring multipoint multipolygon point polygon geometry st_area st_asbinary st_asgeojson st_astext "
    "st_aswkb "
    "st_aswkt st_boundary st_buffer st_buffer_strategy st_centroid st_contains st_convexhull st_crosses st_difference "
    "st_dimension st_disjoint st_distance st_distance_sphere st_endpoint st_envelope st_equals st_exteriorring "
    "st_frechetdistance st_geohash st_geomcollfromtext st_geometryfromtext st_geometryn st_geometrytype "
    "st_geomfromgeojson st_geomfromtext st_geomfromwkb st_hausdorffdistance st_interiorringn st_intersection "
    "st_intersects st_isclosed st_isempty st_isring st_issimple st_isvalid st_latfromgeohash st_latitude st_length "
    "st_linefromtext st_lineinterpolatepoint st_longfromgeohash st_longitude st_makeenvelope st_numgeometries "
    "st_numinteriorrings st_numpoints st_overlaps st_pointfromgeohash st_pointfromtext st_pointn st_pointonsurface "
    "st_polyfromtext st_relate st_simplify st_srid st_startpoint st_swapxy st_symdifference st_touches st_transform "
    "st_union st_validate st_within st_x st_y "
    // vectors
    "distance string_to_vector to_vector from_vector vector_dim vector_to_string vec_distance vec_distance_cosine "
    "vec_distance_euclidean vec_fromtext vec_totext";

} // namespace rekey::protocol::mysql
